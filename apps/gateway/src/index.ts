export { gateway, gatewayService } from './service.js';
